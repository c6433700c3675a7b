"""Laws of the control room."""
