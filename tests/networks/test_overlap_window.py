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

import pytest
import torch

from scripts.networks.overlap_window import crop, origin, paste, span


def spot(rows: slice | int, columns: slice | int, height: int = 40, width: int = 60) -> torch.Tensor:
    where = torch.zeros(1, 1, height, width, dtype=torch.bool)
    where[0, 0, rows, columns] = True
    return where


@pytest.mark.parametrize(
    ("at", "first"),
    [((20, 30), (15, 22)), ((0, 0), (0, 0)), ((39, 59), (30, 44)), ((3, 55), (0, 44))],
    ids=["in the middle", "at the upper left corner", "at the lower right corner", "at the upper right corner"],
)
def test_a_window_is_centred_on_what_it_is_about_and_stays_inside_the_picture(
    at: tuple[int, int], first: tuple[int, int]
) -> None:
    # Each pixel says where it is.
    picture = torch.stack(torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij"))[None]
    window = crop(picture, *origin(spot(*at), 10, 16), 10, 16)
    assert window.shape == (1, 2, 10, 16)
    assert window[0, :, 0, 0].tolist() == list(first)
    assert window[0, :, -1, -1].tolist() == [first[0] + 9, first[1] + 15]


def test_each_picture_of_a_batch_has_a_window_of_its_own() -> None:
    where = torch.cat([spot(slice(8, 13), slice(10, 15)), spot(slice(28, 33), slice(40, 45))])
    window = crop(where.float(), *origin(where, 10, 16), 10, 16)
    assert window.sum(dim=(1, 2, 3)).tolist() == [25.0, 25.0]


@pytest.mark.parametrize("thin", [0, 4, 12])
def test_a_lopsided_thing_is_in_the_window_as_long_as_it_spans_no_more(thin: int) -> None:
    # Nearly all of it lies in its uppermost rows: its centre of mass is far from its middle.
    where = spot(slice(14, 16), slice(None)) | spot(slice(14, 16 + thin), 30)
    window = crop(where.float(), *origin(where, 14, 60), 14, 60)
    assert window.sum() == where.sum()


def test_where_there_is_nothing_the_window_is_still_inside_the_picture() -> None:
    nothing = torch.zeros(1, 1, 40, 60, dtype=torch.bool)
    top, left = origin(nothing, 10, 16)
    assert 0 <= top.item() <= 30
    assert 0 <= left.item() <= 44
    first, last = span(nothing, 2)
    assert last < first


def test_a_window_as_large_as_the_picture_is_the_picture() -> None:
    picture = torch.rand(2, 3, 40, 60)
    top, left = origin(picture[:, :1] > 0.9, 40, 60)
    assert torch.equal(crop(picture, top, left, 40, 60), picture)


def test_a_window_goes_back_to_where_it_was_taken() -> None:
    picture = torch.rand(2, 3, 40, 60)
    top, left = torch.tensor([3, 30]), torch.tensor([44, 0])
    pasted = paste(crop(picture, top, left, 10, 16), top, left, torch.zeros_like(picture))
    assert torch.equal(pasted[0, :, 3:13, 44:], picture[0, :, 3:13, 44:])
    assert torch.equal(pasted[1, :, 30:, :16], picture[1, :, 30:, :16])
    assert (pasted != 0).sum() == 2 * 3 * 160


def test_the_span_is_from_the_first_to_the_last_row_or_column() -> None:
    where = spot(slice(8, 13), slice(10, 12)) | spot(20, 40)
    assert [x.item() for x in span(where, 2)] == [8, 20]
    assert [x.item() for x in span(where, 3)] == [10, 40]
