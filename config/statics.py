"""Static files as a production server has them: compressed, and called after their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStatics(CompressedManifestStaticFilesStorage):
    """Our scripts name those that they import by hash too, so that no browser mixes two releases.

    Django's own switch for this reads the scripts of packages as well, and stumbles over examples in their comments.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "js/*.js",
            (
                (
                    r"""(?P<matched>import(?P<import>\s*\{[^}]*\})\s*from\s*"(?P<url>\./[^"]+)";)""",
                    'import%(import)s from "%(url)s";',
                ),
            ),
        ),
    )
