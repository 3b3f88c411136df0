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

from typing import Annotated, Any

import jwt
import requests
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordRequestForm
from monailabel.config import settings
from monailabel.endpoints.user import auth
from pydantic import ValidationError

from serving.pacs.errors import PacsAwayError

LIMITER = CapacityLimiter(8)
"""Limit of requests that wait for the realm at a time; the others wait for these."""

router = APIRouter()

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
    try:
        claims = jwt.decode(token, key, algorithms=list(ALGORITHMS), options={"verify_aud": False})
    except jwt.InvalidTokenError:
        raise
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise jwt.InvalidTokenError("expected a token that the realm has signed, got another one") from error
    name = claims.get(settings.MONAI_LABEL_AUTH_TOKEN_USERNAME)
    if not name:
        raise jwt.InvalidTokenError("expected a token with a user name, got none")
    roles: Any = claims
    for part in settings.MONAI_LABEL_AUTH_TOKEN_ROLES.split("#"):
        roles = roles.get(part) if isinstance(roles, dict) else None
    try:
        return auth.User(username=name, roles=roles or [])
    except ValidationError as error:
        raise jwt.InvalidTokenError("expected a name and a list of roles in the token, got others") from error


async def current_user(token: str = Depends(auth.oauth2_scheme)) -> auth.User:
    """Return the user of a request; the realm is asked off the event loop.

    Raises:
        HTTPException: 401, the token is none.
        PacsAwayError: the realm does not answer.
    """
    try:
        return await to_thread.run_sync(user_of_token, token, limiter=LIMITER)
    except jwt.InvalidTokenError as error:
        raise HTTPException(
            401, "expected a valid token, got another one", headers={"WWW-Authenticate": "Bearer"}
        ) from error


@router.post("/auth/token")
async def new_token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> dict[str, Any]:
    """Fetch a token of the realm for a user and a password."""

    def fetch() -> dict[str, Any]:
        asked = {"username": form.username, "password": form.password, "grant_type": "password"}
        try:
            answer = requests.post(
                str(auth.token_uri()),
                data={**asked, "client_id": settings.MONAI_LABEL_AUTH_CLIENT_ID},
                timeout=settings.MONAI_LABEL_AUTH_TIMEOUT,
            )
            if answer.status_code in (400, 401, 403):
                raise HTTPException(401, "the login service refuses this user or this password")
            answer.raise_for_status()
            found: dict[str, Any] = auth.Token.model_validate(answer.json()).model_dump()
        except (requests.RequestException, AttributeError, KeyError, ValueError) as error:
            raise PacsAwayError("the login service does not answer; try again when it is back") from error
        return found

    return await to_thread.run_sync(fetch, limiter=LIMITER)


def patch_login(*apps: FastAPI) -> None:
    """Let the routes of apps call :func:`current_user`, and MONAI Label :func:`user_of_token`."""
    auth.from_token = user_of_token
    if settings.MONAI_LABEL_AUTH_ENABLE:
        for app in apps:
            app.dependency_overrides[auth.get_current_user] = current_user
