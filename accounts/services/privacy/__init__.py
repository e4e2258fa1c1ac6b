"""Everything about one student: handed out as files, or erased for good."""

from accounts.services.privacy.erasure import (
    ERASURE_KIND,
    ErasureRuleError,
    begin_erasure,
    erase,
    may_erase,
    what_would_go,
)
from accounts.services.privacy.export import EXPORT_KIND, begin_export, export, may_export

__all__ = [
    "ERASURE_KIND",
    "EXPORT_KIND",
    "ErasureRuleError",
    "begin_erasure",
    "begin_export",
    "erase",
    "export",
    "may_erase",
    "may_export",
    "what_would_go",
]
