"""What people ask of a study that is searched: pause, stop a trial, try a candidate next, note something on a trial."""
