"""One account with containers of block blobs, addressed as Microsoft's own emulator is: by the path.

Sources: https://learn.microsoft.com/rest/api/storageservices/put-blob (201; ``If-None-Match: *`` over what is
there is 409 ``BlobAlreadyExists``), https://learn.microsoft.com/rest/api/storageservices/list-blobs (in
order, at most 5,000, the prefix and a marker, without which the SDK forgets the prefix on the next page),
https://learn.microsoft.com/rest/api/storageservices/get-container-properties (the headers about
immutability), https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and
https://learn.microsoft.com/azure/storage/blobs/immutable-container-level-worm-policies (what is there can be
neither overwritten nor deleted: 409 ``BlobImmutableDueToPolicy``; new blobs can be made). That a request is
signed is seen; the signature is not checked.
"""

from dataclasses import dataclass, field
from email.utils import formatdate
from xml.sax.saxutils import escape

from aiohttp import web

from deploy.sandbox.faults import Faults
from deploy.sandbox.standin import StandIn

ACCOUNT = "devstoreaccount1"
KEY = "c2FuZGJveC1ibG9iLWtleQ=="
MOST_LISTED = 5000


@dataclass
class Blob:
    """A block blob."""

    content: bytes
    metadata: dict[str, str]
    etag: str


@dataclass
class Container:
    """Blobs by name. ``immutable``: it has a time-based retention policy."""

    immutable: bool = True
    blobs: dict[str, Blob] = field(default_factory=dict)


class BlobServer(StandIn):
    """The account.

    Attributes:
        most_listed: blobs on one page of a list.
    """

    def __init__(self, *, port: int = 0, immutable: bool = True) -> None:
        self.faults = Faults(lambda status: {"status": status})
        super().__init__("blob", port=port, middlewares=(self.faults.middleware,))
        self.containers = {"audit": Container(immutable=immutable)}
        self.most_listed = MOST_LISTED
        self._made = 0
        self.app.add_routes(
            [
                *self.faults.routes(),
                web.get(f"/{ACCOUNT}/{{container}}", self._container),
                web.put(f"/{ACCOUNT}/{{container}}/{{blob:.+}}", self._put),
                web.get(f"/{ACCOUNT}/{{container}}/{{blob:.+}}", self._get),
                web.delete(f"/{ACCOUNT}/{{container}}/{{blob:.+}}", self._delete),
            ]
        )

    @property
    def container_url(self) -> str:
        """Of the one container."""
        return f"{self.url}/{ACCOUNT}/audit"

    async def _put(self, request: web.Request) -> web.Response:
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        name, content = request.match_info["blob"], await request.read()
        if name in found.blobs:
            if request.headers.get("If-None-Match") == "*":
                return _refused(409, "BlobAlreadyExists", "The specified blob already exists.")
            if found.immutable:
                return _immutable()
        self._made += 1
        metadata = {
            key[len("x-ms-meta-") :].lower(): value
            for key, value in request.headers.items()
            if key.lower().startswith("x-ms-meta-")
        }
        found.blobs[name] = Blob(content, metadata, f'"0x{self._made:X}"')
        self.record.add("put", blob=name, bytes=len(content))
        return web.Response(status=201, headers=self._about(found.blobs[name]))

    async def _get(self, request: web.Request) -> web.Response:
        """Also HEAD, which tells the properties."""
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        blob = found.blobs.get(request.match_info["blob"])
        if blob is None:
            return _refused(404, "BlobNotFound", "The specified blob does not exist.")
        headers = self._about(blob) | {"x-ms-blob-type": "BlockBlob"}
        headers |= {f"x-ms-meta-{key}": value for key, value in blob.metadata.items()}
        size = len(blob.content)
        first, _, last = request.headers.get("x-ms-range", f"bytes=0-{size}")[6:].partition("-")
        part = blob.content[int(first) : int(last) + 1]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{size}"
        status = 206 if "x-ms-range" in request.headers else 200
        return web.Response(status=status, body=part, headers=headers)

    async def _delete(self, request: web.Request) -> web.Response:
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        if found.immutable:
            return _immutable()
        found.blobs.pop(request.match_info["blob"], None)
        return web.Response(status=202)

    async def _container(self, request: web.Request) -> web.Response:
        found = self._found(request)
        if isinstance(found, web.Response):
            return found
        if request.query.get("comp") == "list":
            return self._listed(request, found)
        headers = {
            "x-ms-has-immutability-policy": str(found.immutable).lower(),
            "x-ms-has-legal-hold": "false",
            "x-ms-immutable-storage-with-versioning-enabled": "false",
            "ETag": '"0x1"',
            "Last-Modified": formatdate(usegmt=True),
        }
        return web.Response(status=200, headers=headers)

    def _listed(self, request: web.Request, found: Container) -> web.Response:
        prefix, marker = request.query.get("prefix", ""), request.query.get("marker", "")
        names = [name for name in sorted(found.blobs) if name.startswith(prefix) and name >= marker]
        page, rest = names[: self.most_listed], names[self.most_listed :]
        with_metadata = "metadata" in request.query.get("include", "")
        blobs = "".join(_line(name, found.blobs[name], with_metadata=with_metadata) for name in page)
        text = (
            f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="audit">'
            f"<Prefix>{escape(prefix)}</Prefix><Marker>{escape(marker)}</Marker>"
            f"<Blobs>{blobs}</Blobs><NextMarker>{escape(rest[0]) if rest else ''}</NextMarker>"
            "</EnumerationResults>"
        )
        return web.Response(text=text, content_type="application/xml")

    def _found(self, request: web.Request) -> Container | web.Response:
        if not request.headers.get("Authorization", "").startswith(f"SharedKey {ACCOUNT}:"):
            return _refused(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        found = self.containers.get(request.match_info["container"])
        return found or _refused(404, "ContainerNotFound", "The specified container does not exist.")

    @staticmethod
    def _about(blob: Blob) -> dict[str, str]:
        return {"ETag": blob.etag, "Last-Modified": formatdate(usegmt=True)}


def _line(name: str, blob: Blob, *, with_metadata: bool) -> str:
    metadata = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in blob.metadata.items())
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties><Content-Length>{len(blob.content)}</Content-Length>"
        f"<BlobType>BlockBlob</BlobType><Etag>{escape(blob.etag)}</Etag></Properties>"
        f"{f'<Metadata>{metadata}</Metadata>' if with_metadata else ''}</Blob>"
    )


def _immutable() -> web.Response:
    return _refused(
        409,
        "BlobImmutableDueToPolicy",
        "This operation is not permitted as the blob is immutable due to a policy.",
    )


def _refused(status: int, code: str, message: str) -> web.Response:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    text = f'<?xml version="1.0" encoding="utf-8"?>{error}'
    return web.Response(
        status=status, text=text, content_type="application/xml", headers={"x-ms-error-code": code}
    )
