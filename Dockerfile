# One image for web, relay, worker, beat and the telephone; docker-compose.yml says which command each runs.

FROM node:20-bookworm-slim AS scripts
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY tools/vendor.mjs tools/
RUN node tools/vendor.mjs

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.run.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --require-hashes -r requirements.run.lock
COPY pyproject.toml ./
COPY hotline hotline
COPY models models
COPY classifier classifier
COPY ivr_flows ivr_flows
COPY --from=scripts /app/hotline/web/static/vendor hotline/web/static/vendor
RUN .venv/bin/pip install --no-deps --editable . \
    && .venv/bin/pip uninstall --yes setuptools pip \
    && .venv/bin/python -m classifier train --examples classifier/data/seed_examples.jsonl \
        --taxonomy hotline/reference/taxonomy.yaml --city hotline/reference/city.yaml --out classifier/artifacts/demo
COPY deploy deploy
COPY tools/asterisk*.py tools/
RUN .venv/bin/python -m tools.asterisk

FROM python:3.11-slim-bookworm
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOTLINE_DATA_DIR=/data
RUN groupadd --system --gid 10001 hotline \
    && useradd --system --uid 10001 --gid hotline --no-create-home --home-dir /data hotline \
    && install --directory --owner hotline --group hotline --mode 0700 /data
COPY --from=build /app /app
WORKDIR /app
USER hotline
VOLUME /data
EXPOSE 8000
CMD ["hotline", "up", "--only", "web"]
