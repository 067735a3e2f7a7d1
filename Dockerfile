# One image for every role; docker-compose.yml says which command runs in it.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.txt requirements-build.txt ./
RUN python -m venv /opt/degnode \
    && /opt/degnode/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
    && pip install --no-cache-dir --require-hashes -r requirements-build.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/degnode/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.11-slim
# What invoices as PDF are drawn with, and a font that knows the signs of currencies.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --home-dir /var/lib/degnode degnode
COPY --from=build /opt/degnode /opt/degnode
ENV PATH=/opt/degnode/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DEGNODE_HOST=0.0.0.0 \
    DEGNODE_PORT=8080 \
    DEGNODE_DATA_DIR=/var/lib/degnode
USER degnode
WORKDIR /var/lib/degnode
VOLUME /var/lib/degnode
EXPOSE 8080
CMD ["degnode", "--help"]
