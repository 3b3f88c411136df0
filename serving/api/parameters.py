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

"""Parameters that requests may hold; others, which MONAI Label's clients send along, are passed over as it does."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scripts.errors import InputError

MOST_ROWS = 100_000
"""Rows of joints of a batch."""

Point = Annotated[list[float], Field(min_length=2, max_length=3)]
Joints = Annotated[list[Any] | None, Field(max_length=MOST_ROWS, description="a list of joints")]


class Parameters(BaseModel):
    """Parameters of a request; the description of a field tells what is expected."""

    model_config = ConfigDict(extra="ignore", strict=True)


class InferParameters(Parameters):
    """Parameters of a separation.

    Attributes:
        joints: rows as :func:`scripts.inference.joint_list.read_joints` takes them.
        foreground: clicks, each column, row, and slice if need be.
        result_extension: suffix of the label map in the answer.
    """

    joints: Joints = None
    foreground: list[Point] | None = Field(None, max_length=1000, description="points [x, y] or [x, y, 0]")
    result_extension: str | None = Field(None, description="a suffix")


class LabelParameters(Parameters):
    """Parameters of saved masks.

    Attributes:
        joints: rows of joints that have no results yet.
    """

    joints: Joints = None


class BatchParameters(Parameters):
    """Parameters of a batch.

    Attributes:
        joints: rows, each of which names its image.
        max_workers: images at a time; 0: a quarter of the processors.
        max_batch_size: images at most; 0: all.
    """

    joints: Joints = None
    max_workers: int = Field(1, ge=0, le=64, description="0 to 64")
    max_batch_size: int = Field(0, ge=0, description="a whole number from 0 on")


Model = TypeVar("Model", bound=Parameters)


def checked(model: type[Model], values: dict[str, Any]) -> Model:
    """Check parameters.

    Args:
        model: what they may be.
        values: what they are.

    Raises:
        InputError: one is wrong, with its name and its type.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        name = str(error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"][0])
        got = values.get(name)
        kind = type(got).__name__ if not isinstance(got, (int, float)) else str(got)[:32]
        if isinstance(got, list):
            kind = f"a list of {len(got):,} other values"
        raise InputError(f"{name}: expected {model.model_fields[name].description}, got {kind}") from error
