"""Design experiments that need whole programs: configurations that meet a budget."""
