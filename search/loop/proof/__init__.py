"""The proof: finalists trained again with other seeds, as trials of their study, and the test split once."""
