"""Writing documents: each version only over the one before."""

from __future__ import annotations

from croupier.errors import OutcomeUnknown
from croupier.stores import codec
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.driver import NotSent, Unknown
from croupier.stores.cassandra.link import Link, unreachable
from croupier.stores.cassandra.reads import document as decoded
from croupier.stores.store import Document

_ATTEMPTS = 5


async def put(link: Link, document: Document) -> bool:
    """See Store.put_document. Raises StoreUnreachable, OutcomeUnknown."""
    values = [document.body, document.version, codec.document_digest(document), document.kind, document.id]
    statement = (statements.CREATE_DOCUMENT, values)
    if document.version > 1:
        statement = (statements.UPDATE_DOCUMENT, [*values, document.version - 1])
    unknown: Unknown | None = None
    for _ in range(_ATTEMPTS):
        try:
            answer = await link.conditional([statement], avoid=unknown.coordinator if unknown else "")
        except Unknown as error:
            unknown = error
            continue
        except NotSent as error:
            if unknown:
                continue
            raise unreachable(error) from error
        return answer.applied or (unknown is not None and await _is_stored(link, document))
    raise OutcomeUnknown(f"the store did not say whether the write happened ({unknown}); try again") from unknown


async def _is_stored(link: Link, document: Document) -> bool:
    """Whether it was the first sending that took effect."""
    rows = await link.read(statements.READ_DOCUMENT, [document.kind, document.id])
    return bool(rows) and decoded(document.kind, rows[0]) == document
