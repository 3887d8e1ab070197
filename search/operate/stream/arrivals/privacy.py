"""The user's privacy hook: it writes what may be kept of an image, before anything is kept."""

import pkgutil
from collections.abc import Callable
from pathlib import Path

from spaces.errors import SettingsError

PrivacyHook = Callable[[Path, Path], object]  # source, target


def privacy_hook(name: str | None) -> PrivacyHook | None:
    """Return the function that `stream.privacy` names; None for none.

    Args:
        name: module:function.

    Raises:
        SettingsError: it cannot be imported, or cannot be called.
    """
    if name is None:
        return None
    try:
        found = pkgutil.resolve_name(name)
    except Exception as error:  # whatever the module raises while it is imported
        reason = " ".join(str(error).split())[:160]
        raise SettingsError(f"stream.privacy: cannot import '{name}' ({reason}); give module:function") from error
    if not callable(found):
        raise SettingsError(f"stream.privacy: '{name}' cannot be called; give module:function")
    return found  # type: ignore[no-any-return]  # callable, as was just checked
