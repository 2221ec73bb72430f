"""Golden values of tests/plugins/datasets/cub_captions*_test.cpp: words from
NLTK, the published split from scikit-learn, resized pictures from Pillow.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install nltk==3.9.1 scikit-learn==1.9.1 pillow==12.0.0 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/cub_captions.py DATA

DATA is the folder that holds cub10. Writes the words of the sentences below to
tests/fixtures/cub_captions/words.tsv and prints all other values.

Sentences are split by Punkt without a trained model, which knows no
abbreviations; on the captions of cub10 that makes no difference to the words.
Pillow 13 resizes tall pictures along columns first, all earlier ones along rows.
"""

import collections
import importlib.metadata
import pathlib
import re
import sys

import numpy
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer
from PIL import Image
from sklearn.model_selection import train_test_split

SENTENCES = """\
this bird is black, with a long tail.
a small bird that has a white belly
the bird's crown isn't red, it's grey.
birds' wings and the dogs' legs.
they'll say we've seen what they're like, i'm sure he'd agree.
it cannot fly and it's gonna fall; gimme that!
'tis brown, 'twas never black.
"a large bird with purple plumage and a blue beak."
black body, wings, and tail. appears 11"-12" long.
two bars -- one red, and one yellow.
white (and very small) bird [rare] {odd} <new>.
wings like a 'u' before the end, like 'v' shaped ones.
a yellow-breasted, blue/green bird.
it is 2.5 times as long; 1,000 feathers: 3:4 or so: yes.
what is this tiny bird with a stunning yellow belly?
it's very shiny!.
short curved beak.and has a long, pointy tail.
its bill ends.. its tail does not... or does it
a $5 bird & a #3 bird @ 50% = 100*2.
the ``big'' bird and the ''small'' one.
it could've been a bird; it couldn't've flown.
DON'T LOOK, IT'S RED, THEY'RE GONE, WE'LL SEE.
rock'n'roll bird of o'clock street.
(the bird is white.) the tail is not.
its belly is white.' its tail is black.
6'2" tall bird with 5' wings.
a bird : red , blue ; green .
head,neck and back,belly:all white.
wanna see d'ye more'n gotta lemme gonna.
bird \t with  odd   blanks .
"""


def words_of(caption):
    caption = re.sub(r"[^\x20-\x7e]+", " ", caption)
    sentences = PunktSentenceTokenizer().tokenize(caption)
    return [w for s in sentences for w in NLTKWordTokenizer().tokenize(s)]


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def vocabulary_of(captions, min_count):
    counts = collections.Counter()
    for caption in captions:
        counts.update(caption)
    return ["<exc>", "<pad>", "<eos>"] + [
        word for word, count in counts.items() if count >= min_count]


def ids_of(caption, index):
    ids = [index.get(word, 0) for word in caption[:31]] + [2]
    return ids + [1] * (32 - len(ids))


def show_text(folder):
    rows = [line.split("\t") for line in
            (folder / "captions.tsv").read_text().splitlines()[1:]]
    rows.sort(key=lambda row: (row[0], int(row[1])))
    tested = ("001.", "004.", "006.", "008.", "009.")
    captions = {False: [], True: []}
    for image, _, caption in rows:
        captions[image.startswith(tested)].append(words_of(caption))
    symbols = vocabulary_of(captions[False], 4)
    index = {word: i for i, word in enumerate(symbols)}
    every = captions[False] + captions[True]
    print("words", sum(map(len, every)),
          "captions above 31 words", sum(len(c) > 31 for c in every))
    print("symbols", len(symbols), f"fnv {fnv(chr(10).join(symbols).encode()):#x}")
    for is_test, part in captions.items():
        total = sum(fnv(bytes(numpy.array(ids_of(c, index), "<i4"))) for c in part)
        print("test" if is_test else "others", len(part),
              f"sum of fnv {total % 2**64:#x}")


def show_pictures(folder):
    sums = []
    for file in sorted((folder / "images").glob("*/*.jpg")):
        picture = Image.open(file).convert("RGB").resize((64, 64), Image.BILINEAR)
        sums.append(numpy.asarray(picture, numpy.int64).sum(axis=(0, 1)))
    print("pictures", len(sums), "sums", numpy.sum(sums, axis=0).tolist(),
          "of the first", sums[0].tolist())


def pattern(height, width):
    """Value (17 y + 31 x + 7 x y + 53 c) mod 256 of channel c."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width),
                             numpy.arange(3), indexing="ij")
    return ((17 * y + 31 * x + 7 * x * y + 53 * c) % 256).astype(numpy.uint8)


def show_patterns():
    for height, width in [(6, 8), (100, 81), (64, 64), (300, 257)]:
        resized = numpy.asarray(Image.fromarray(pattern(height, width)).resize(
            (64, 64), Image.BILINEAR), numpy.int64)
        weights = numpy.arange(64 * 64).reshape(64, 64, 1) % 251
        print((height, width), "sums", resized.sum(axis=(0, 1)).tolist(),
              "weighted", int((resized * weights).sum()))


def main():
    for name in ["nltk", "scikit-learn", "pillow", "numpy"]:
        print(name, importlib.metadata.version(name), end="  ")
    print()
    fixture = pathlib.Path(__file__).parents[2] / "tests/fixtures/cub_captions"
    lines = [f"{s}\t{' '.join(words_of(s))}\n"
             for s in SENTENCES.replace("\t", " ").splitlines()]
    (fixture / "words.tsv").write_text("".join(lines))
    _, held_out = train_test_split(numpy.arange(240), test_size=0.1, random_state=0)
    print("validation pairs of 240:", held_out.tolist())
    show_patterns()
    folder = pathlib.Path(sys.argv[1]) / "cub10"
    show_text(folder)
    show_pictures(folder)


if __name__ == "__main__":
    main()
