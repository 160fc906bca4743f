# The service and the command line, without a database: point CELLKIN_NEO4J_URI at one (docker-compose.yml does).
FROM python:3.11-slim AS build
COPY requirements.lock pyproject.toml README.md LICENSE /src/
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir uv==0.13.9 \
 && python -m venv --without-pip /opt/cellkin \
 && /opt/uv/bin/uv pip sync --no-cache --python /opt/cellkin/bin/python --require-hashes /src/requirements.lock
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY hatch_build.py /src/
COPY ingest /src/ingest
COPY tracker /src/tracker
COPY graph /src/graph
COPY api /src/api
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/cellkin/bin/python --no-deps /src

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 cellkin && install -d -o cellkin -g cellkin /data
COPY --from=build /opt/cellkin /opt/cellkin
ENV PATH=/opt/cellkin/bin:$PATH CELLKIN_DATA_FOLDER=/data PYTHONUNBUFFERED=1
USER cellkin
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Inside its container the service listens on every interface; compose publishes it on the host's loopback only.
CMD ["cellkin", "serve", "--host", "0.0.0.0", "--port", "8000"]
