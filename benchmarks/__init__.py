"""What archdsl costs beside what people use today: both sides measured in one run, one file a topic."""
