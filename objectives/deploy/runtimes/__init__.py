"""The runtimes that run a deployable file, one a file, behind one contract. No torch in here."""
