"""Properties, and the places where their values come from.

`properties` has the table and a session's values, `sources` puts together what flags, files and
the environment set, `client_files` reads the files of Kafka's own clients, and `certificates`
key stores.  Light to import: the command line needs it before anything else.
"""

from kshell.config.folders import cache_home, config_home, state_home
from kshell.config.properties import PROPERTIES, Properties, Property, Scope, is_secret, scope_of

__all__ = ["PROPERTIES", "Properties", "Property", "Scope", "cache_home", "config_home",
           "is_secret", "scope_of", "state_home"]  # fmt: skip
