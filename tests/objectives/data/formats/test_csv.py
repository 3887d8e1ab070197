"""CSV tables: the common sets of columns, what four numbers mean, and questions where that is unsure."""

from pathlib import Path

import pytest
from small_data import counts, draw
from small_formats import SAMPLE, SIZE, labels_of

from objectives.data.readers import read_dataset
from spaces.errors import DataError

W, H = SIZE
ROWS = [(key.split("/"), name, box) for key, labels in SAMPLE.items() for name, box in labels]


def table(root: Path, header: str, line: str, name: str = "labels.csv") -> Path:
    """Write the sample with a line a box; the image without boxes is left out."""
    for key in SAMPLE:
        draw(root / "images" / key.split("/")[1], SIZE)
    values = [
        {"split": split, "file": file, "stem": file[:-4], "name": label, "x": x, "y": y, "w": w, "h": h, "W": W, "H": H}
        | {"r": x + w, "b": y + h, "cx": x + w / 2, "cy": y + h / 2}
        for (split, file), label, (x, y, w, h) in ROWS
    ]
    text = "\n".join([*([header] if header else []), *(line.format(**v) for v in values)])
    (root / name).write_text(text + "\n")
    return root


EXPECTED = {key: labels for key, labels in SAMPLE.items() if labels}


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("split,filename,width,height,class,xmin,ymin,xmax,ymax", "{split},{file},{W},{H},{name},{x},{y},{r},{b}"),
        ("Subset;Image_Path;Label;X1;Y1;X2;Y2", "{split};C:\\x\\{file};{name};{x};{y};{r};{b}"),
        ("set\timage_id\tlabel\txmin\txmax\tymin\tymax", "{split}\t{stem}\t{name}\t{x}\t{r}\t{y}\t{b}"),
        ("split,image,class_name,left,top,width,height", "{split},{file},{name},{x},{y},{w},{h}"),
        ("split,image,class,x_center,y_center,w,h", "{split},images/{file},{name},{cx},{cy},{w},{h}"),
        ("split,image,class,x,y,w,h", "{split},{file},{name},{x},{y},{w},{h}"),
        ("split,image,class,x,y,w,h", "{split},{file},{name},{cx},{cy},{w},{h}"),
        ("split,image_name,category,bbox", '{split},{file},{name},"[{x}, {y}, {w}, {h}]"'),
        ("split,image_name,category,bbox", '{split},{file},{name},"{x} {y} {r} {b}"'),
        ("split,image_name,category,bbox_xyxy", '{split},{file},{name},"({x}, {y}, {r}, {b})"'),
        ('"split" , "file name" ,class,x min,y min,x max,y max', "{split}, {file} ,{name}, {x},{y},{r},{b}"),
    ],
)
def test_common_columns_are_read(tmp_path: Path, header: str, line: str) -> None:
    found = read_dataset(table(tmp_path, header, line))
    assert labels_of(found) == EXPECTED
    assert counts(found).get("images.unlabelled") == 1  # c.jpg, which no row names


def test_a_table_without_a_header_is_read(tmp_path: Path) -> None:
    found = read_dataset(table(tmp_path, "", "images/{file},{x},{y},{r},{b},{name}"))
    assert sum(map(len, labels_of(found).values())) == len(ROWS)
    assert set(found.classes) == {"can", "jar"}


def test_shares_of_the_sides_are_seen_as_such(tmp_path: Path) -> None:
    root = table(tmp_path, "", "")
    lines = ["ImageID,LabelName,XMin,XMax,YMin,YMax,split"]
    lines += [f"{f[:-4]},{n},{x / W},{(x + w) / W},{y / H},{(y + h) / H},{s}" for (s, f), n, (x, y, w, h) in ROWS]
    (root / "labels.csv").write_text("\n".join(lines))
    found = read_dataset(root)
    assert {key: len(labels) for key, labels in labels_of(found).items()} == {k: len(v) for k, v in EXPECTED.items()}
    assert labels_of(found)["train/b.jpg"] == [("jar", pytest.approx((10, 10, 30, 30)))]


def test_the_only_text_is_the_class_and_that_is_said(tmp_path: Path) -> None:
    found = read_dataset(
        table(tmp_path, "split,filename,cell_type,xmin,ymin,xmax,ymax", "{split},{file},{name},{x},{y},{r},{b}")
    )
    assert labels_of(found) == EXPECTED
    assert {f.code: f.examples for f in found.findings}["files.column"] == ("labels.csv: cell_type",)


def test_several_texts_are_a_question(tmp_path: Path) -> None:
    header, line = "filename,kind,maker,xmin,ymin,xmax,ymax", "{file},{name},x,{x},{y},{r},{b}"
    with pytest.raises(DataError, match="several columns that may be the class: kind, maker; name the one that is"):
        read_dataset(table(tmp_path, header, line))


def test_without_a_class_all_boxes_are_objects_and_that_is_said(tmp_path: Path) -> None:
    found = read_dataset(table(tmp_path, "split,image,xmin,ymin,xmax,ymax", "{split},{file},{x},{y},{r},{b}"))
    assert found.classes == ("object",)
    assert counts(found)["classes.unnamed"] == 1


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (
            "image,class,x,y,w,h",
            "{file},can,30,30,4,4",
            "name the columns left, top, box_width, box_height; or x_center",
        ),
        ("image,class,bbox", '{file},can,"10 10 20 20"', "name the columns left, top, box_width, box_height; or xmin"),
    ],
)
def test_numbers_that_can_be_read_in_two_ways_are_a_question(tmp_path: Path, header: str, row: str, said: str) -> None:
    root = table(tmp_path, "", "")
    (root / "labels.csv").write_text("\n".join([header, *(row.format(file=f) for f in ("a.jpg", "b.jpg"))]))
    with pytest.raises(DataError, match=f"can be read in 2 ways; {said}"):
        read_dataset(root)


def test_rows_that_are_no_box_are_findings(tmp_path: Path) -> None:
    root = table(tmp_path, "filename,class,xmin,ymin,xmax,ymax", "{file},{name},{x},{y},{r},{b}")
    with (root / "labels.csv").open("a") as stream:
        stream.write(
            "a.jpg,can,one,2,3,4\na.jpg,can,1,2\nb.jpg,,1,1,9,9\n,can,1,1,9,9\nb.jpg,can,nan,1,9,inf\n\n,,,,,\n"
        )
    found = counts(read_dataset(root))
    assert {code: found.get(code) for code in ("labels.not_a_box", "labels.unknown_class", "images.not_an_image")} == {
        "labels.not_a_box": 3,
        "labels.unknown_class": 1,
        "images.not_an_image": 1,
    }


def test_tables_by_split_are_one_set(tmp_path: Path) -> None:
    lines = "filename,class,xmin,ymin,xmax,ymax", "{file},{name},{x},{y},{r},{b}"
    root = table(tmp_path, *lines)
    header, *rows = (root / "labels.csv").read_text().splitlines()
    for split, own in (("train", rows[:3]), ("validation", rows[3:])):
        (root / f"{split}_labels.csv").write_text("\n".join([header, *own]))
    (root / "labels.csv").unlink()
    assert labels_of(read_dataset(root)) == EXPECTED


def test_a_table_named_as_the_root_that_is_none_says_which_columns_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("filename,label\na.jpg,can\n")
    with pytest.raises(DataError, match=r"has no columns for picture and box \(such as filename, class, xmin"):
        read_dataset(path)


@pytest.mark.parametrize("text", ["", "\n\n", "a\0b,c\n1,2\n", '"' + "x" * 200_000 + '\n"'])
def test_a_table_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert "\n" not in str(caught.value)
