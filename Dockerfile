FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY . .
RUN uv sync --frozen --no-editable --extra postgres --extra apprise --extra aws --extra uvloop --no-python-downloads

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data canary && install -d -o canary -g canary -m 700 /data
COPY --from=build /src/.venv /src/.venv
ENV PATH=/src/.venv/bin:$PATH CANARY_DATA=/data CANARY_CONFIG=/data/canary.toml \
    CANARY_SMTP__HOST=0.0.0.0 CANARY_WEB__HOST=0.0.0.0 CANARY_INGEST__HOST=0.0.0.0 PYTHONDONTWRITEBYTECODE=1
USER canary
VOLUME /data
EXPOSE 2525 8025
# Asks whether the dashboard lives and leaves nothing behind; `canary doctor` sends a mail each time.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["python", "-c", "import http.client, os; \
asked = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('CANARY_WEB__PORT', '8025')), timeout=5); \
asked.request('GET', '/healthz'); raise SystemExit(asked.getresponse().status != 200)"]
CMD ["canary", "up"]
