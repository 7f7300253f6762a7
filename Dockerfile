# The stub in a container: no shell, no root, nothing written outside /data.
# The interpreter that installs has to be of the release that runs, 3.11.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/server.txt requirements/
RUN python -m pip install --no-cache-dir --no-compile --require-hashes --target /app -r requirements/server.txt
COPY . .
# The build backend is in the base lock; the image needs it no more once the package is built.
RUN PYTHONPATH=/app python -m pip install --no-cache-dir --no-compile --no-deps --no-build-isolation --target /app . \
    && sed -i '1s|.*|#!/usr/bin/python3|' /app/bin/orgbilling \
    && rm -rf /app/hatchling /app/trove_classifiers /app/editables /app/pathspec \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app \
    && mkdir /data

FROM gcr.io/distroless/python3-debian12:nonroot
COPY --from=build /app /app
COPY --from=build --chown=65532:65532 /data /data
ENV PATH=/app/bin:/usr/bin PYTHONPATH=/app PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 ORGBILLING_HOME=/data
USER 65532:65532
EXPOSE 4010
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s \
    CMD ["/usr/bin/python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4010/healthz', timeout=2)"]
ENTRYPOINT ["/app/bin/orgbilling"]
# Beyond loopback the default mode `trust` is refused: it would believe the tokens of anybody.
CMD ["serve", "--host", "0.0.0.0", "--auth", "verify"]
