"""What lies in a data folder: listed once, read as data alone, pictures found by the names that files give them."""
