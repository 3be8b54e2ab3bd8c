"""Recurrent layers and cells: LSTM, GRU and the Elman network."""
