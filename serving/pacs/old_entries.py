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

"""Entries of the journal of version 0.7.0 and before, a JSON file each, taken over into the database."""

import json
import logging
from pathlib import Path

from serving.pacs.client import Instance
from serving.pacs.entries import Entries

logger = logging.getLogger(__name__)


def take_over(folder: Path, entries: Entries) -> None:
    """Take over what a former version has left unfinished; each file is removed once it is in the database.

    Args:
        folder: of the files.
        entries: where they go.

    Raises:
        OSError: the database cannot be written.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            entry = json.loads(path.read_text())
            made, replaced = ([Instance(*uids) for uids in entry[key]] for key in ("made", "replaced"))
            source, stored, rejected = str(entry["source"]), bool(entry["stored"]), bool(entry.get("rejected"))
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError, AttributeError):
            logger.warning("passed over %s: no entry of a journal", path.name)
            continue
        entries.add(source, made, replaced, stored=stored, rejected=rejected)
        path.unlink(missing_ok=True)
