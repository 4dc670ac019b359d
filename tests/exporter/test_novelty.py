"""How unlike the training pictures: against scikit-learn's neighbours, scipy's quantiles, and by counting."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.neighbors import NearestNeighbors
from torch import nn

from foveate.errors import InputError, ModelFolderError, ParityError
from foveate.exporter.novelty import Novelty, bank_rows, fit_novelty, student_quantile, usual_limit
from foveate.exporter.to_onnx import Deployed, check_parity, export_onnx
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.models import create_model
from foveate.runtime.onnx_check import check_onnx
from foveate.runtime.predictor import Predictor
from foveate.tasks.classification.task import Classification
from foveate.tasks.values import Output

CLASSES = ("a", "b", "c")


def features(count, width=24, seed=0, centre=1.0):
    return np.random.default_rng(seed).normal(centre, 1, (count, width)).astype(np.float32)


def sklearn_distances(bank, queries, neighbours):
    search = NearestNeighbors(n_neighbors=neighbours, metric="cosine", algorithm="brute")
    return search.fit(bank).kneighbors(queries)[0].mean(axis=1)


def test_scores_are_the_mean_cosine_distance_to_the_nearest():
    bank, queries = features(80), features(30, seed=1)
    novelty = fit_novelty(bank)
    np.testing.assert_allclose(
        novelty.score(queries) * novelty.level, sklearn_distances(bank, queries, 5), atol=1e-6
    )


def test_the_level_is_where_99_of_100_left_out_pictures_are():
    bank = features(120)
    left_out = [sklearn_distances(np.delete(bank, i, 0), bank[i : i + 1], 5)[0] for i in range(120)]
    novelty = fit_novelty(bank)
    assert novelty.level == pytest.approx(sorted(left_out)[119], rel=1e-5)  # place ceil(0.99 * 121) = 120
    assert novelty.samples == 120


def test_about_one_in_a_hundred_of_the_same_kind_is_above_1():
    novelty = fit_novelty(features(1000))
    assert (novelty.score(features(4000, seed=2)) > 1).mean() == pytest.approx(0.01, abs=0.008)


def test_held_out_pictures_that_are_farther_give_the_level():
    bank, near, far = features(50), features(40, seed=1), features(40, seed=1, centre=0.3)
    assert fit_novelty(bank, near * 0.01 + bank[:40]).level == fit_novelty(bank).level
    novelty = fit_novelty(bank, far)
    assert novelty.level == pytest.approx(usual_limit(sklearn_distances(bank, far, 5)), rel=1e-5)
    assert novelty.level > fit_novelty(bank).level
    assert novelty.samples == 40


@pytest.mark.parametrize("freedom", [2, 3, 4, 9, 40, 97])
def test_students_quantile(freedom):
    tolerance = 0.03 if freedom < 4 else 2e-3
    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.99, freedom), rel=tolerance)


@pytest.mark.parametrize("count", [10, 40, 98])
def test_few_distances_still_flag_about_one_in_a_hundred(count):
    """The limit of a log-normal sample is exceeded by a further one as often as Student's t says."""
    random = np.random.default_rng(count)
    samples = np.exp(random.normal(-1.5, 0.3, (3000, count + 1)))
    above = np.mean([row[-1] > usual_limit(row[:-1]) for row in samples])
    assert above <= 0.015  # 0.01 and three standard errors; the greatest of few may only lower it


def test_many_distances_are_cut_at_a_place_and_not_by_a_shape():
    values = np.random.default_rng(0).permutation(np.arange(1, 1001))
    assert usual_limit(values.astype(float)) == 991  # ceil(0.99 * 1001)


def test_remembered_pictures_keep_the_shares_of_the_classes():
    labels = np.repeat([0, 1, 2], [8000, 1500, 500])[np.random.default_rng(0).permutation(10_000)]
    rows = bank_rows(labels, 64)
    assert len(np.unique(rows)) == 1000
    assert np.bincount(labels[rows]) == pytest.approx([800, 150, 50], abs=1)
    assert bank_rows(labels[:700], 64).tolist() == list(range(700))
    assert len(bank_rows(labels, 1 << 16)) == 64  # 16 MiB of them


def test_what_cannot_be_fitted():
    with pytest.raises(InputError, match="3 pictures or more"):
        fit_novelty(features(2))
    with pytest.raises(InputError, match="finite"):
        fit_novelty(np.full((5, 3), np.nan))
    same = fit_novelty(np.ones((5, 3)))  # one picture five times: the least level, and no division by zero
    assert same.score(np.array([[1.0, 1, 1], [0, 0, 0]])) == pytest.approx([0, 1e4], abs=1e-3)


# --- In the graph ----------------------------------------------------------------------------------------


def with_novelty(name, side, channels=3):
    torch.manual_seed(0)
    options = {"image_size": (side, side)} if name == "compact_s" else {}
    network = create_model(name, num_classes=3, in_channels=channels, **options).eval()
    shape = Preprocessing(side, side, channels, mean=(0.4,) * channels, std=(0.3,) * channels)
    with torch.no_grad():
        tapped = Deployed(network, shape, Classification(CLASSES), fake(1))
        tapped.outputs(torch.from_numpy(pictures(40, side)))
        bank = tapped.tap.features().numpy()
    return network, shape, bank


def fake(width):
    return Novelty(np.ones((3, width), np.float32), 2, 1.0, 3)


def pictures(count, side, seed=1):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 4, 3))
    places = np.arange(side) * 4 // side
    return coarse[:, places][:, :, places].astype(np.uint8)


SIDES = {"lenet5": (32, 1), "convnet1": (28, 1), "compact_s": (28, 1), "efficientnet_lite0": (64, 3)}


@pytest.mark.parametrize("name", SIDES)
def test_the_graph_says_what_sklearn_says(name):
    side, channels = SIDES[name]
    network, shape, bank = with_novelty(name, side, channels)
    novelty = fit_novelty(bank[:30], bank[30:])
    deployed = Deployed(network, shape, Classification(CLASSES, 1.5), novelty)
    model = export_onnx(deployed, shape, {})
    check_onnx(model)
    predictor = Predictor(model, Classification(CLASSES), shape, threads=1)
    assert predictor.measures_unlikeness
    check_parity(deployed, predictor, pictures(6, side, seed=2))
    queries = pictures(6, side, seed=2)
    found = predictor.run(queries)
    with torch.no_grad():
        deployed.outputs(torch.from_numpy(queries))
    expected = sklearn_distances(bank[:30], deployed.tap.features().numpy(), 5) / novelty.level
    np.testing.assert_allclose(found["unlikeness"], expected, rtol=2e-3, atol=2e-3)
    plain = Predictor(
        export_onnx(Deployed(network, shape, Classification(CLASSES, 1.5)), shape, {}),
        Classification(CLASSES),
        shape,
        threads=1,
    )
    assert not plain.measures_unlikeness
    np.testing.assert_allclose(found["probabilities"], plain.run(queries)["probabilities"], atol=1e-6)


def test_torchs_own_exporter_writes_it_too(monkeypatch):
    from foveate.exporter import to_onnx as export
    from foveate.operators.onnx import NotInTable

    def no(*args):
        raise NotInTable("nothing")

    monkeypatch.setattr(export, "emit", no)
    network, shape, bank = with_novelty("lenet5", 32, 1)
    deployed = Deployed(network, shape, Classification(CLASSES), fit_novelty(bank))
    model = export_onnx(deployed, shape, {})
    check_onnx(model)
    check_parity(deployed, Predictor(model, Classification(CLASSES), shape, threads=1), pictures(4, 32))


def test_a_graph_that_measures_something_else_is_an_error():
    network, shape, bank = with_novelty("lenet5", 32, 1)
    deployed = Deployed(network, shape, Classification(CLASSES), fit_novelty(bank))
    other = Deployed(network, shape, Classification(CLASSES), fit_novelty(bank[:20]))
    predictor = Predictor(export_onnx(other, shape, {}), Classification(CLASSES), shape, threads=1)
    with pytest.raises(ParityError, match="the unlikeness differs"):
        check_parity(deployed, predictor, pictures(6, 32, seed=2))
    plain = Predictor(
        export_onnx(Deployed(network, shape, Classification(CLASSES)), shape, {}),
        Classification(CLASSES),
        shape,
        threads=1,
    )
    with pytest.raises(ParityError, match="the unlikeness is missing"):
        check_parity(deployed, plain, pictures(6, 32, seed=2))


def test_a_network_of_another_kind_has_no_known_features():
    with pytest.raises(InputError, match="does not say which its last layer is"):
        Deployed(
            nn.Sequential(nn.Flatten(), nn.Linear(3, 3)),
            Preprocessing(1, 1, 3),
            Classification(CLASSES),
            fake(3),
        )


def test_a_third_output_of_another_name_is_refused(monkeypatch):
    monkeypatch.setattr("foveate.exporter.to_onnx.UNLIKENESS", Output("surprise", ()))
    network, shape, bank = with_novelty("lenet5", 32, 1)
    model = export_onnx(Deployed(network, shape, Classification(CLASSES), fit_novelty(bank)), shape, {})
    with pytest.raises(ModelFolderError, match=r"found images .* surprise"):
        Predictor(model, Classification(CLASSES), shape, threads=1)


def test_a_draft_carries_it(tmp_path):
    network, shape, bank = with_novelty("lenet5", 32, 1)
    with Draft(tmp_path / "model") as draft:
        draft.add_network(
            network,
            preprocessing=shape,
            task=Classification(CLASSES),
            sample_images=pictures(4, 32),
            architecture={"name": "lenet5", "options": {}},
            novelty=fit_novelty(bank),
        )
        given = pictures(4, 32, seed=7)
        found = draft.predictor().predictions(given)
        answers = draft.predictor().run(given)
    np.testing.assert_allclose([one.unlikeness for one in found], answers["unlikeness"])
    assert [one.unlike for one in found] == (answers["unlikeness"] > 1).tolist()
