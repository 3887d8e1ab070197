// The served page: what has changed since, put in place.
