"""DICOMweb server in memory that behaves as some archives do: short pages, sparse answers, nothing is deleted."""

import threading
from io import BytesIO

import uvicorn
from pydicom import Dataset, dcmread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.local.orthanc import free_port
from tests.support.waiting import wait_for

TOLD = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
BOUNDARY = "a-part-begins-here"


class RigidPacs:
    """Archive that caps pages at two objects, answers a store by 202 or 409, and refuses DELETE by 405.

    Attributes:
        objects: by SOP Instance UID.
        asked: methods and paths, in their order.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Dataset] = {}
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{(port := free_port(0))}/dicom"
        one = "/dicom/studies/{study}/series/{series}/instances/{sop}"
        routes = [
            Route("/dicom/instances", self.search),
            Route("/dicom/studies/{study}/instances", self.search),
            Route("/dicom/studies", self.store, methods=["POST"]),
            Route("/dicom/studies/{study}/series/{series}/metadata", self.metadata),
            Route(one + "/metadata", self.metadata),
            Route(one, self.fetch),
        ]
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "RigidPacs":
        self._thread.start()
        wait_for(lambda: self._server.started)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def search(self, request: Request) -> Response:
        """Tell the UIDs alone, at most two objects a page; filters that this archive does not know are ignored."""
        self.asked.append(f"{request.method} {request.url.path}")
        filters = {key: value for key, value in request.query_params.items() if key in (*TOLD, "Modality")}
        filters |= {"StudyInstanceUID": study} if (study := request.path_params.get("study")) else {}
        found = [
            each for each in self.objects.values() if all(str(each.get(key)) == value for key, value in filters.items())
        ]
        offset = int(request.query_params.get("offset", 0))
        sparse = []
        for each in found[offset : offset + 2]:
            item = Dataset()
            for keyword in TOLD:
                setattr(item, keyword, each[keyword].value)
            sparse.append(item.to_json_dict())
        return JSONResponse(sparse, media_type="application/dicom+json")

    async def store(self, request: Request) -> Response:
        """Keep objects; 202 and no word of what was stored, or 409 if there is one of them already."""
        body = await request.body()
        boundary = request.headers["content-type"].split('boundary="')[1].split('"')[0].encode()
        parts = [part.split(b"\r\n\r\n", 1)[1] for part in body.split(b"--" + boundary)[1:-1]]
        objects = [dcmread(BytesIO(part.removesuffix(b"\r\n"))) for part in parts]
        known = any(str(each.SOPInstanceUID) in self.objects for each in objects)
        self.objects |= {str(each.SOPInstanceUID): each for each in objects}
        return Response(status_code=409 if known else 202)

    def metadata(self, request: Request) -> Response:
        """Return headers without pixels."""
        answer = [
            Dataset({tag: element for tag, element in each.items() if tag != 0x7FE00010}).to_json_dict()
            for sop, each in self.objects.items()
            if request.path_params.get("sop", sop) == sop and each.SeriesInstanceUID == request.path_params["series"]
        ]
        return JSONResponse(answer, 200 if answer else 404, media_type="application/dicom+json")

    def fetch(self, request: Request) -> Response:
        """Return an object as it was stored."""
        content = BytesIO()
        self.objects[request.path_params["sop"]].save_as(content)
        start = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        whole = start + content.getvalue() + f"\r\n--{BOUNDARY}--".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        return Response(whole, headers={"Content-Type": kind})
