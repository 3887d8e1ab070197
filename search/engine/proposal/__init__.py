"""What the engine proposes: pools of candidates, rated by gain."""
