# The book with everything it needs: docker build -t ibias . && docker run -p 8000:8000 ibias
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends make npm chromium \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /ibias
COPY pyproject.toml constraints.txt package.json package-lock.json Makefile README.md LICENSE ./
COPY ibias ibias
COPY book book
RUN make .venv/installed node_modules/installed
COPY . .
RUN make book
EXPOSE 8000
CMD [".venv/bin/python", "-m", "http.server", "8000", "--directory", "_build/html"]
