"""`sluice`: what whoever runs the machine types. One file per command, imported when the command is called."""
