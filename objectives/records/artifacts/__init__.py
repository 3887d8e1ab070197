"""What an artifact store holds of the files of trials, as plain records."""
