# The server of docker-compose.yml: viewer, PACS proxy and inference on one port. Not built in CI, which has no engine.
FROM node:22-bookworm-slim AS viewer
WORKDIR /viewer
RUN npm pack --silent @ohif/app@3.13.2 && tar --extract --gzip --file ohif-app-3.13.2.tgz

FROM python:3.11-slim-bookworm
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
WORKDIR /bls_gan
COPY requirements.txt requirements-serving.txt ./
COPY serving/stand_ins serving/stand_ins
RUN pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu \
    && pip install --requirement requirements.txt --requirement requirements-serving.txt
COPY --from=viewer /viewer/package/dist /state/ohif/3.13.2/dist
COPY LICENSE README.md metadata.json ./
COPY configs configs
COPY models/model.pt models/model.pt
COPY samples samples
COPY scripts scripts
COPY serving serving
RUN useradd --create-home bls_gan && mkdir -p serving/app/bin serving/app/lib serving/app/logs serving/app/model \
    && chown -R bls_gan /state serving/app
USER bls_gan
VOLUME /state
EXPOSE 8000
ENTRYPOINT ["python", "-m", "serving", "--host", "0.0.0.0", "--state", "/state"]
