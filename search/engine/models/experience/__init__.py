"""What earlier studies teach a new one: recorded trainings, a prior of accuracy, and how it fades."""
