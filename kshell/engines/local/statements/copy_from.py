"""COPY … FROM."""
