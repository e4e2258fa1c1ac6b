"""Static files as a production server has them: compressed, and called after their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStatics(CompressedManifestStaticFilesStorage):
    """Scripts that import others name them by their hashes too, so that no browser mixes two releases."""

    support_js_module_import_aggregation = True
