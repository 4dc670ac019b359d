"""An inspector asked in this very process: no socket, the same application."""

import asyncio
import json

import numpy as np
import pytest
import torch
from torch import nn

import asgi
from foveate.images.preprocess import Preprocessing
from foveate.inspector.app import make_app
from foveate.inspector.server import inspector_settings
from foveate.inspector.session import Session
from foveate.inspector.trainings import Trainings
from foveate.models.model import Model
from foveate.tasks.classification.task import Classification


class Block(nn.Module):
    """A residual sum and a concatenation."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, groups=2)

    def forward(self, x):
        return torch.cat([x, torch.relu(self.conv(x) + x)], dim=1)


def small_network(seed=0):
    """(1, 3, 12, 10) -> 4 scores; batch norm with statistics that matter."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            Block(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, 4),
        )
        norm = module[1]
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    return module.eval()


CLASSES = ("ant", "<b>bee</b>", "cat \udcff", "dog")


def small_net():
    preprocessing = Preprocessing(12, 10, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))
    return Model("small", small_network(), preprocessing, Classification(CLASSES, 2.0))


class Client:
    """Asks the ASGI application; paths and bodies as a browser would send them."""

    def __init__(self, app, session):
        self.app, self.session = app, session

    def ask(self, method, path, body=b"", headers=()):
        """An object with status, headers (a dictionary) and content (bytes)."""
        return asyncio.run(self.ask_now(method, path, body, headers))

    async def ask_now(self, method, path, body=b"", headers=()):
        return await asgi.ask(self.app.asgi, method, path, body, headers)

    def get(self, path):
        """The JSON of an answer that must be fine."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.content
        return json.loads(answer.content, parse_constant=pytest.fail)

    def post(self, path, document, status=(200, 201)):
        answer = self.ask("POST", path, json.dumps(document).encode())
        found = json.loads(answer.content, parse_constant=pytest.fail)
        assert answer.status in (status if isinstance(status, tuple) else (status,)), found
        return found

    def run(self, **more):
        """The id of a run on the first picture."""
        picture = self.get("/api/pictures")["pictures"][0]["id"]
        return self.post("/api/runs", {"picture": picture, **more})["run"]


def make_client(net, folder, *, train=None, choices=list, kept=False, trained=None):
    session = Session(net)
    pixels = np.random.default_rng(5).integers(0, 256, (30, 25, 3), dtype=np.uint8)
    session.pictures.add("noise", pixels)
    trained = trained or session.add_trained
    trainings = Trainings(train, choices, folder, kept=kept, shortest_seconds=10, trained=trained)
    app = make_app(session, trainings, net.name, inspector_settings("127.0.0.1", 8001))
    return Client(app, session)


@pytest.fixture
def make(tmp_path):
    """A function that makes a client for a network: ``make(net, train=...)``."""
    made = []

    def one(net=None, **options):
        made.append(make_client(net or small_net(), tmp_path / "trained", **options))
        return made[-1]

    yield one
    for client in made:
        client.app.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """An inspector of the small network, shared by tests that do not wear it out."""
    made = make_client(small_net(), tmp_path_factory.mktemp("trained"))
    yield made
    made.app.close()
