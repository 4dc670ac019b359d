"""The server against its own description, by schemathesis: a bounded number of generated requests."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.routing import Route

import foveate.server.app as app_module
from foveate.http.settings import ServeSettings

schemathesis = pytest.importorskip("schemathesis")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")
ALL = ["/predict", "/health", "/metrics", "/v2", "/v2/health/live", "/v2/health/ready"]
ALL += ["/v2/models/colours", "/v2/models/colours/ready", "/v2/models/colours/infer"]


@pytest.fixture(scope="module")
def document(server):
    return server.json("GET", "/openapi.json")[1]


def test_every_path_of_the_application_is_described(document, colours):
    assert sorted(document["paths"]) == sorted(ALL)
    app = app_module.make_app(colours.predictor(), "colours", ServeSettings())
    app.engine.close()
    routes = {route.path for route in app.asgi._app.routes if isinstance(route, Route)}
    pages = {"/", "/docs", "/openapi.json", "/assets/{file}"}
    described = {path.replace("colours", "{model}") for path in ALL}
    assert {path for path in routes - pages if "{version}" not in path} == described


@pytest.mark.parametrize("path", ALL)
def test_generated_requests_get_what_the_description_promises(server, document, path):
    schema = schemathesis.openapi.from_dict(document)
    operation = schema[path][next(iter(document["paths"][path])).upper()]
    base_url = f"http://{server.name}"

    @settings(
        max_examples=25 if "post" in document["paths"][path] else 3,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=operation.as_strategy())
    def check(case):
        # No schema can say "a picture", or "as many numbers as the shape has": what fits it may be refused.
        case.call_and_validate(base_url=base_url, excluded_checks=[checks.positive_data_acceptance])

    check()
