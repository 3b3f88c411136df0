-- What Orthanc does for the server that was started with it; all else, as its shutdown, is refused, also to that server.
function IncomingHttpRequestFilter(method, uri, ip, username, httpHeaders)
  if string.find(uri, '^/dicom%-web/studies') or string.find(uri, '^/dicom%-web/series')
      or string.find(uri, '^/dicom%-web/instances') then
    return method == 'GET' or method == 'POST'
  end
  return (method == 'POST' and uri == '/tools/lookup') or (method == 'DELETE' and string.find(uri, '^/instances/[%x-]+$') ~= nil)
end
