"""What a trial measures: data set, network, training, the deployed file, its latency and accuracy.

What is public stands in `__init__.pyi`; each name is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
