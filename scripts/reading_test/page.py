# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.


"""Page of a reading test: one HTML file that asks nothing of a network and does not hold the truth."""

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup
from PIL import Image

HERE = Path(__file__).parent


def page(pictures: Mapping[str, np.ndarray], *, version: str, may_be_passed_on: bool) -> str:
    """Return the page that shows pictures in their order and asks of each whether it is real or made.

    Args:
        pictures: (H, W), gray levels 0..1, by the item's name.
        version: of the bundle.
        may_be_passed_on: the page says if it may not.
    """
    style, script = (Markup((HERE / name).read_text()) for name in ("page.css", "page.js"))
    items = [{"item": name, "picture": data_uri(picture)} for name, picture in pictures.items()]
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape(), trim_blocks=True)
    return environment.get_template("page.html").render(
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; img-src data:; style-src {source_hash(style)}; script-src {source_hash(script)}; "
            "base-uri 'none'; form-action 'none'"
        ),
        items=Markup(json.dumps(items)),
        count=len(items),
        minutes=max(1, round(len(items) * 5 / 60)),
        version=version,
        may_be_passed_on=may_be_passed_on,
    )


def data_uri(picture: np.ndarray) -> str:
    """Return a picture, gray levels 0..1, as an address that holds it: a PNG that is not compressed.

    So all pictures of one size are files of one size, and none is told by how well it can be compressed.
    """
    stream = io.BytesIO()
    levels = (np.asarray(picture, np.float64).clip(0.0, 1.0) * 255.0).round().astype(np.uint8)
    Image.fromarray(levels).save(stream, "PNG", compress_level=0)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def source_hash(text: str) -> str:
    """Return the source expression that allows one inline text (Content Security Policy Level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
