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

"""Login of MONAI Label, corrected for the version of PyJWT that it requires."""

from typing import Any

import jwt
import requests
from monailabel.config import settings
from monailabel.endpoints.user import auth

from serving.pacs.client import PacsAwayError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256")
"""Signatures by a key pair: this server knows only the realm's public key."""


def user_of_token(token: str) -> auth.User:
    """Return the user that a token names.

    MONAI Label 0.8.5 does not name the algorithms that it accepts, which PyJWT 2 requires.

    Args:
        token: JSON Web Token, signed by the realm that ``MONAI_LABEL_AUTH_REALM_URI`` names.

    Raises:
        jwt.InvalidTokenError: the token is expired, not signed by the realm, or has no user.
        PacsAwayError: the realm does not answer.
    """
    if not settings.MONAI_LABEL_AUTH_ENABLE:
        return auth.DEFAULT_USER
    try:
        key = auth.get_public_key(settings.MONAI_LABEL_AUTH_REALM_URI)
    except (requests.RequestException, KeyError, ValueError) as error:
        raise PacsAwayError("the login service does not answer; try again when it is back") from error
    claims = jwt.decode(token, key, algorithms=list(ALGORITHMS), options={"verify_aud": False})
    name = claims.get(settings.MONAI_LABEL_AUTH_TOKEN_USERNAME)
    if not name:
        raise jwt.InvalidTokenError("expected a token with a user name, got none")
    roles: Any = claims
    for part in settings.MONAI_LABEL_AUTH_TOKEN_ROLES.split("#"):
        roles = roles.get(part) if isinstance(roles, dict) else None
    return auth.User(username=name, roles=roles or [])


def patch_login() -> None:
    """Let MONAI Label's routes call :func:`user_of_token`."""
    auth.from_token = user_of_token
