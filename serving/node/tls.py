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

"""TLS of the node, for listening and for sending: certificates, keys and authorities from files."""

import ssl
from dataclasses import dataclass

from scripts.errors import InputError


@dataclass(frozen=True)
class TlsFiles:
    """Files for TLS, in PEM.

    Attributes:
        certificate: of this node; empty if it shows none.
        key: of the certificate.
        authority: by which the other side's certificate is checked; empty: it is not asked for one (listening), or the
            authorities of the system count (sending).
    """

    certificate: str = ""
    key: str = ""
    authority: str = ""


def listening_files(text: str) -> TlsFiles | None:
    """Return the files of ``CERTIFICATE,KEY`` or ``CERTIFICATE,KEY,AUTHORITY``; None of an empty text.

    Raises:
        InputError: the text has another form.
    """
    parts = [part.strip() for part in text.split(",")]
    if parts == [""]:
        return None
    if len(parts) not in (2, 3) or not all(parts):
        raise InputError(f"tls: expected CERTIFICATE,KEY or CERTIFICATE,KEY,AUTHORITY, got {text!r}")
    return TlsFiles(*parts)


def sending_files(text: str) -> TlsFiles | None:
    """Return the files of ``AUTHORITY`` or ``AUTHORITY,CERTIFICATE,KEY``; None of an empty text.

    Raises:
        InputError: the text has another form.
    """
    parts = [part.strip() for part in text.split(",")]
    if parts == [""]:
        return None
    if len(parts) not in (1, 3) or not all(parts):
        raise InputError(f"send_tls: expected AUTHORITY or AUTHORITY,CERTIFICATE,KEY, got {text!r}")
    certificate, key = parts[1:] or ("", "")
    return TlsFiles(certificate, key, parts[0])


def listening_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a server; with an authority only clients are let in that it has signed.

    Raises:
        InputError: a file cannot be read, or is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, files)
    if files.authority:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def sending_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a client, which checks the server's certificate and its name.

    Raises:
        InputError: a file cannot be read, or is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    _load(context, files)
    return context


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if files.certificate:
            context.load_cert_chain(files.certificate, files.key)
        if files.authority:
            context.load_verify_locations(files.authority)
    except (OSError, ssl.SSLError) as error:
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        named = ", ".join(filter(None, (files.certificate, files.key, files.authority)))
        raise InputError(f"tls: expected certificates and a key in PEM in {named}, got {why}") from error
