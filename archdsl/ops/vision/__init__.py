"""Resampling, sampling grids, patches and pixel shuffles."""
