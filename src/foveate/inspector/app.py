"""Which path leads where."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route, Router

from foveate.http.body import BodyReader
from foveate.http.guard import Guard
from foveate.http.metrics import Metrics
from foveate.http.settings import ServerState, ServeSettings
from foveate.inspector.design_endpoints import Designing
from foveate.inspector.network_endpoints import Looking
from foveate.inspector.networks import steps_of
from foveate.inspector.pages import Pages
from foveate.inspector.session import Session
from foveate.inspector.trainings import Trainings
from foveate.inspector.worker import Desk


@dataclass(frozen=True)
class InspectorApp:
    """The ASGI application and what whoever runs it needs; ``close`` it last."""

    asgi: Guard
    state: ServerState
    desk: Desk
    trainings: Trainings

    def close(self) -> None:
        """Stop a training that runs, and end the thread that computes."""
        self.trainings.close()
        self.desk.close()


def make_app(session: Session, trainings: Trainings, name: str, settings: ServeSettings) -> InspectorApp:
    """The application for one session; ``name`` stands on its pages."""
    state, desk, bodies = ServerState(), Desk(), BodyReader(settings)
    designing = Designing(trainings, desk, bodies)
    looking, pages = Looking(session, desk, bodies, settings), Pages(name)
    desk.begin(lambda: steps_of(session.net(None)))  # the first thing that the page will ask for
    run, node = "/api/runs/{run}", "/api/runs/{run}/nodes/{node}"
    both = ["GET", "POST"]
    router = Router(
        [
            Route("/", pages.index),
            Route("/design", pages.design),
            Route("/assets/{file}", pages.asset),
            Route("/assets/inspect/{file}", pages.asset),
            Route("/api/network", looking.network),
            Route("/api/nets", looking.nets, methods=both),
            Route("/api/nets/{net}/nodes/{node}/kernels/{channel:int}", looking.kernels),
            Route("/api/pictures", looking.pictures, methods=both),
            Route("/api/pictures/{picture}.png", looking.picture),
            Route("/api/filters", looking.filters),
            Route("/api/runs", looking.runs, methods=["POST"]),
            Route("/api/explain", looking.explain, methods=["POST"]),
            Route("/api/heat/{heat}.png", looking.heat),
            Route("/api/blueprints", designing.blueprint, methods=["POST"]),
            Route("/api/blueprints/kinds", designing.kinds),
            Route("/api/blueprints/examples", designing.examples),
            Route("/api/trainings", designing.trainings, methods=both),
            Route("/api/trainings/{training}", designing.training, methods=["GET", "DELETE"]),
            Route(run + "/drawn.png", looking.drawn),
            Route(run + "/pixel", looking.pixel),
            Route(run + "/words", looking.words),
            Route(run + "/words/{number:int}", looking.word),
            Route(run + "/boxes", looking.boxes),
            Route(run + "/boxes/{number:int}", looking.box),
            Route(run + "/sprites", looking.sprites),
            Route(node + "/sheet.png", looking.sheet),
            Route(node + "/maps/{channel:int}", looking.map),
            Route(node + "/sum", looking.sum),
        ],
        redirect_slashes=False,
    )
    return InspectorApp(Guard(router, settings, Metrics(), state, documented=False), state, desk, trainings)
