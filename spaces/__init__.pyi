from .candidate import Candidate
from .dimension import parse_domain
from .errors import AutomlError
from .space import SearchSpace

__all__ = [
    "AutomlError",
    "Candidate",
    "SearchSpace",
    "parse_domain",
]
