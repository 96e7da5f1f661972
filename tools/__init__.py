"""What records, builds and installs the book. None of it is part of the package."""
