"""Properties: their table, a session's values of them, and the places where values are set.

Flags, config.toml with its profiles, the environment and the files of Kafka's own clients are such
places.  Light to import: the command line needs it before anything else.
"""

from kshell.config.folders import cache_home, config_home, state_home
from kshell.config.properties import (
    PROPERTIES,
    TOPIC_PROPERTIES,
    check_settable,
    is_known,
    is_secret,
    scope_of,
)
from kshell.config.property_row import Property, Scope
from kshell.config.values import MASK, Properties, masked_words, variables_shown

__all__ = ["MASK", "PROPERTIES", "TOPIC_PROPERTIES", "Properties", "Property", "Scope",
           "cache_home", "check_settable", "config_home", "is_known", "is_secret",
           "masked_words", "scope_of", "state_home",
           "variables_shown"]  # fmt: skip
