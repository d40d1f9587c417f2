# The service with paraclap-mini, on the CPU:
#   docker build -t paraclap .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -e PARACLAP_API_KEYS=a-long-random-key paraclap
FROM python:3.12-slim

RUN useradd --create-home --uid 10001 paraclap
WORKDIR /opt/paraclap
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
# --build-arg TORCH_INDEX=ADDRESS, that of the CPU builds in PyTorch's instructions: else gigabytes of CUDA come with torch.
ARG TORCH_INDEX
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt ".[serve,index,vad]"

USER paraclap
ENV HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
# 0.0.0.0 is the inside of the container; what reaches it is decided by -p.
ENTRYPOINT ["paraclap", "serve", "--host", "0.0.0.0"]
