"""The OpenGL programs of the 3D viewport, in GLSL 1.20 (every desktop driver has it)."""

BODY_VERTEX = """
uniform mat4 u_clip_from_world;
attribute vec3 a_position;
attribute vec3 a_normal;
varying vec3 v_normal;
varying vec3 v_position;
void main() {
    v_normal = a_normal;
    v_position = a_position;
    gl_Position = u_clip_from_world * vec4(a_position, 1.0);
}
"""
BODY_FRAGMENT = """
uniform vec4 u_colour;
uniform vec3 u_eye;
uniform vec3 u_light;
uniform float u_rim;
varying vec3 v_normal;
varying vec3 v_position;
void main() {
    vec3 normal = normalize(v_normal);
    vec3 sight = normalize(u_eye - v_position);
    float facing = dot(normal, sight);
    if (facing < 0.0) { normal = -normal; facing = -facing; }
    float sky = 0.5 + 0.5 * normal.z;
    float wrapped = 0.5 + 0.5 * dot(normal, u_light);  // soft terminator, no black backs
    float gloss = pow(max(dot(normal, normalize(u_light + sight)), 0.0), 24.0);
    vec3 paint = u_colour.rgb * u_colour.rgb;  // light adds up linearly; screens do not (gamma 2)
    vec3 lit = paint * (0.08 + 0.20 * sky + 0.80 * wrapped * wrapped) + vec3(0.035 * gloss);
    lit += u_rim * pow(1.0 - facing, 4.0) * (0.2 + 0.8 * paint);
    gl_FragColor = vec4(sqrt(lit), u_colour.a);
}
"""
SHADOW_VERTEX = """
uniform mat4 u_clip_from_world;
uniform vec3 u_light;
attribute vec3 a_position;
void main() {
    vec3 foot = a_position - u_light * (a_position.z / u_light.z);
    gl_Position = u_clip_from_world * vec4(foot.xy, 0.0, 1.0);
}
"""
PLAIN_FRAGMENT = """
uniform vec4 u_colour;
void main() { gl_FragColor = u_colour; }
"""
SEGMENT_VERTEX = """
uniform mat4 u_clip_from_world;
uniform vec2 u_size;
uniform float u_scale;
attribute vec3 a_start;
attribute vec3 a_end;
attribute vec4 a_colour;
attribute float a_width;
attribute vec2 a_corner;
varying vec4 v_colour;
varying float v_across;
varying float v_half;
varying vec3 v_position;
void main() {
    vec4 p = u_clip_from_world * vec4(a_start, 1.0);
    vec4 q = u_clip_from_world * vec4(a_end, 1.0);
    float p_in = p.z + p.w;  // positive in front of the near plane
    float q_in = q.z + q.w;
    float at_end = a_corner.x;
    v_position = mix(a_start, a_end, at_end);
    v_colour = a_colour;
    v_half = 0.5 * a_width * u_scale;
    float reach = v_half + 1.0;
    v_across = a_corner.y * reach;
    if (p_in < 0.001 && q_in < 0.001) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
    vec4 a = p_in < 0.001 ? mix(p, q, (0.001 - p_in) / (q_in - p_in)) : p;
    vec4 b = q_in < 0.001 ? mix(q, p, (0.001 - q_in) / (p_in - q_in)) : q;
    vec2 way = (b.xy / b.w - a.xy / a.w) * u_size;
    float length_px = length(way);
    vec2 along = length_px > 1e-6 ? way / length_px : vec2(1.0, 0.0);
    vec4 here = at_end < 0.5 ? a : b;
    vec2 offset = vec2(-along.y, along.x) * v_across;
    gl_Position = here + vec4(2.0 * offset / u_size * here.w, 0.0, 0.0);
}
"""
SEGMENT_FRAGMENT = """
uniform vec4 u_fade;  // centre x, y; radius where it starts; radius where it ends (0: never)
varying vec4 v_colour;
varying float v_across;
varying float v_half;
varying vec3 v_position;
void main() {
    float cover = clamp(v_half + 0.5 - abs(v_across), 0.0, 1.0);
    if (u_fade.w > 0.0) {
        cover *= 1.0 - smoothstep(u_fade.z, u_fade.w, distance(v_position.xy, u_fade.xy));
    }
    gl_FragColor = vec4(v_colour.rgb, v_colour.a * cover);
}
"""
MARKER_VERTEX = """
uniform mat4 u_clip_from_world;
uniform float u_scale;
attribute vec3 a_position;
attribute vec4 a_colour;
attribute vec4 a_edge;
attribute float a_size;
attribute float a_shape;
varying vec4 v_colour;
varying vec4 v_edge;
varying float v_size;
varying float v_shape;
void main() {
    v_colour = a_colour;
    v_edge = a_edge;
    v_shape = a_shape;
    v_size = a_size * u_scale + 2.0;
    gl_Position = u_clip_from_world * vec4(a_position, 1.0);
    gl_PointSize = v_size;
}
"""
MARKER_FRAGMENT = """
uniform float u_scale;
varying vec4 v_colour;
varying vec4 v_edge;
varying float v_size;
varying float v_shape;
void main() {
    vec2 at = abs(gl_PointCoord - 0.5) * v_size;
    float away = length(at);                              // circle
    if (v_shape > 1.5) { away = (at.x + at.y) * 0.8; }    // diamond
    else if (v_shape > 0.5) { away = max(at.x, at.y) * 1.12; }  // square
    float rim = 0.5 * v_size - 1.0;
    float cover = clamp(rim + 0.5 - away, 0.0, 1.0);
    float edge = min(1.6 * u_scale, 0.15 * v_size);
    float inner = clamp(rim - edge + 0.5 - away, 0.0, 1.0);
    vec4 mixed = mix(v_edge, v_colour, inner);
    if (mixed.a * cover < 0.01) { discard; }
    gl_FragColor = vec4(mixed.rgb, mixed.a * cover);
}
"""
PICTURE_VERTEX = """
uniform vec4 u_rectangle;  // left, bottom, right, top in normalised device coordinates
uniform float u_depth;     // likewise
attribute vec2 a_corner;
varying vec2 v_at;
void main() {
    v_at = vec2(a_corner.x, 1.0 - a_corner.y);
    gl_Position = vec4(mix(u_rectangle.xy, u_rectangle.zw, a_corner), u_depth, 1.0);
}
"""
PICTURE_FRAGMENT = """
uniform sampler2D u_picture;
uniform float u_opacity;
varying vec2 v_at;
void main() {
    vec4 texel = texture2D(u_picture, v_at);
    gl_FragColor = vec4(texel.rgb, texel.a * u_opacity);
}
"""
