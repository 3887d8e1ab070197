"""What a search would cost, before it is begun."""
