"""``python -m deploy.sandbox.blob``: run the stand-in of Blob Storage until it is told to stop."""

import argparse
import asyncio

from deploy.sandbox.blob.server import BlobServer
from deploy.sandbox.standin import serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.blob", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="HTTP port; 0 takes a free one")
    asyncio.run(serve(BlobServer(port=parser.parse_args().port)))
