"""`field__says=words`: a text in which somebody says all of these words, as `conversations.search` reads them."""

from collections.abc import Sequence

from django.core.exceptions import EmptyResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup, TextField
from django.db.models.sql.compiler import SQLCompiler

from conversations.search import Term, in_any_order, terms_of, tsquery

Condition = tuple[str, tuple[str | int, ...]]


@TextField.register_lookup
class Says(Lookup):
    """For texts that something else narrows down: each is read. PostgreSQL looks for words, others for substrings.

    Nothing usable finds nothing.
    """

    lookup_name = "says"
    prepare_rhs = False
    rhs: str

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Condition:
        """The condition and its parameters: the text contains each term as it was written."""
        return self._like(compiler, connection, "LIKE", [[term.text] for term in self._terms()])

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Condition:
        """The condition and its parameters: the words of the text, after a look that costs a tenth of parsing them.

        With the empty text added the index does not fit, and so is not chosen where it would find too much.
        """
        terms = self._terms()
        like, values = self._like(compiler, connection, "ILIKE", [term.words for term in terms])
        column, column_values = self.process_lhs(compiler, connection)
        parsed = f"to_tsvector('simple', {column} || '') @@ to_tsquery('simple', %s)"
        return f"({like} AND {parsed})", (*values, *column_values, tsquery(terms))

    def _terms(self) -> list[Term]:
        terms = terms_of(self.rhs)
        if not terms:
            raise EmptyResultSet
        return terms

    def _like(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, operator: str, texts: Sequence[Sequence[str]]
    ) -> Condition:
        """That the column contains all of these, each being parts in their order."""
        column, column_values = self.process_lhs(compiler, connection)
        values: list[str | int] = []
        for parts in texts:
            values += [*column_values, f"%{'%'.join(map(connection.ops.prep_for_like_query, parts))}%"]
        return " AND ".join([rf"{column} {operator} %s ESCAPE '\'"] * len(texts)), tuple(values)


@TextField.register_lookup
class SaysByIndex(Says):
    """The same for all messages at once: PostgreSQL asks the index of migration 0005 first."""

    lookup_name = "says_by_index"

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Condition:
        """The index knows which words a text has, not where they stand: phrases are looked at afterwards."""
        column, column_values = self.process_lhs(compiler, connection)
        terms = self._terms()
        indexed = f"to_tsvector('simple', {column}) @@ to_tsquery('simple', %s)"
        by_index = (*column_values, tsquery(in_any_order(terms)))
        if all(term.words == [term.text] for term in terms):
            # Of mere words it knows all there is to know: thousands of texts need not be parsed once more.
            return indexed, by_index
        rest, values = super().as_postgresql(compiler, connection)
        return f"({indexed} AND {rest})", (*by_index, *values)
