"""A round: the search again, warm, and the judgement of what it found."""
